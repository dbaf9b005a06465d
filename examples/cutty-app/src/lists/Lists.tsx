import { type ChangeEvent, type FormEvent, useEffect, useState } from "react";
import { allLists, generate, type List, remove, upload } from "../api.ts";
import { ListTable } from "./ListTable.tsx";

/** The user's lists: choose, upload, generate, delete. Reads them again whenever `stale` changes. */
export function Lists({ stale }: { stale: number }) {
  const [lists, setLists] = useState<List[]>([]);
  const [chosen, setChosen] = useState<string | null>(null);
  const [changes, setChanges] = useState(0);
  const [kind, setKind] = useState("people");
  const [rows, setRows] = useState(50);
  const [problem, setProblem] = useState("");

  useEffect(() => {
    let current = true;
    allLists().then(
      (found) => current && setLists(found),
      (error: Error) => current && setProblem(error.message),
    );
    return () => {
      current = false;
    };
  }, [stale, changes]);

  const changed = (list: List | null) => {
    setProblem("");
    setChosen(list?.id ?? null);
    setChanges((count) => count + 1);
  };
  const failed = (error: Error) => setProblem(error.message);
  const take = (event: ChangeEvent<HTMLInputElement>) => {
    const [file] = event.target.files ?? [];
    event.target.value = "";
    if (file) upload(file).then(changed, failed);
  };
  const make = (event: FormEvent) => {
    event.preventDefault();
    generate(kind, rows).then(changed, failed);
  };

  const list = lists.find(({ id }) => id === chosen) ?? lists.at(-1);
  return (
    <section className="card lists" aria-label="Lists">
      <div className="row">
        <form className="row" onSubmit={make}>
          <input
            aria-label="Rows to generate"
            type="number"
            min={1}
            max={5000}
            value={rows}
            onChange={(event) => setRows(event.target.valueAsNumber)}
          />
          <select aria-label="Kind of records" value={kind} onChange={(event) => setKind(event.target.value)}>
            <option>people</option>
            <option>companies</option>
          </select>
          <button className="primary">Generate</button>
        </form>
        <label className="button">
          Upload CSV
          <input data-testid="upload" type="file" accept=".csv,text/csv" onChange={take} />
        </label>
      </div>
      {problem && <p className="problem" role="alert">{problem}</p>}
      {list ? (
        <>
          <div className="row tabs" data-testid="lists">
            {lists.map(({ id, name, rows: size }) => (
              <button key={id} aria-pressed={id === list.id} onClick={() => setChosen(id)}>
                {name} <small>{size}</small>
              </button>
            ))}
            <button className="quiet" onClick={() => void remove(list.id).then(() => changed(null), failed)}>
              Delete “{list.name}”
            </button>
          </div>
          <ListTable key={list.id} list={list} />
        </>
      ) : (
        <p className="empty">No list yet. Generate invented records, upload a CSV file, or ask the chat to.</p>
      )}
    </section>
  );
}
