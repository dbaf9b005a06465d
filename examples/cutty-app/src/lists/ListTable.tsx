import { useEffect, useState } from "react";
import { type Filter, type List, OPERATORS, type Row, rowsOf } from "../api.ts";

const PAGE = 12;

/** The rows of one list that fit a condition, a page at a time. */
export function ListTable({ list }: { list: List }) {
  const [filter, setFilter] = useState<Filter>({ field: list.columns[0]!, operator: "contains", value: "" });
  const [offset, setOffset] = useState(0);
  const [found, setFound] = useState<{ total: number; rows: Row[] }>({ total: 0, rows: [] });
  const [problem, setProblem] = useState("");

  useEffect(() => {
    let current = true;
    rowsOf(list.id, filter.value ? filter : null, offset, PAGE).then(
      (page) => {
        if (!current) return;
        setFound(page);
        setProblem("");
      },
      (error: Error) => current && setProblem(error.message),
    );
    return () => {
      current = false;
    };
  }, [list.id, filter, offset]);

  const change = (changed: Partial<Filter>) => {
    setFilter({ ...filter, ...changed });
    setOffset(0);
  };
  return (
    <>
      <div className="row filter">
        <select aria-label="Field" value={filter.field} onChange={(event) => change({ field: event.target.value })}>
          {list.columns.map((column) => (
            <option key={column}>{column}</option>
          ))}
        </select>
        <select aria-label="Operator" value={filter.operator} onChange={(event) => change({ operator: event.target.value })}>
          {OPERATORS.map((operator) => (
            <option key={operator}>{operator}</option>
          ))}
        </select>
        <input aria-label="Value" placeholder="value" value={filter.value} onChange={(event) => change({ value: event.target.value })} />
        <span className="hint" data-testid="total">
          {found.total} of {list.rows} rows
        </span>
      </div>
      {problem && <p className="problem" role="alert">{problem}</p>}
      <div className="scroll" role="region" aria-label={`Rows of ${list.name}`} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {list.columns.map((column) => (
                <th key={column}>{column}</th>
              ))}
            </tr>
          </thead>
          <tbody data-testid="rows">
            {found.rows.map((row, at) => (
              <tr key={offset + at}>
                {list.columns.map((column) => (
                  <td key={column}>{row[column]}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="row paging">
        <button disabled={offset === 0} onClick={() => setOffset(offset - PAGE)}>
          Previous
        </button>
        <span className="hint">
          {found.total === 0 ? 0 : offset + 1}–{Math.min(offset + PAGE, found.total)}
        </span>
        <button disabled={offset + PAGE >= found.total} onClick={() => setOffset(offset + PAGE)}>
          Next
        </button>
      </div>
    </>
  );
}
