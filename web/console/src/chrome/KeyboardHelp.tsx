import { Dialog } from "./Dialog.tsx";
import { PLACES } from "./shortcuts.ts";

/** Which keys there are. */
export function KeyboardHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard" testId="keyboard-help" onClose={onClose}>
      <dl className="keys">
        {Object.entries(PLACES).map(([key, { name }]) => (
          <div key={key}>
            <dt>
              <kbd>g</kbd> <kbd>{key}</kbd>
            </dt>
            <dd>{name}</dd>
          </div>
        ))}
        <Key keys={["/"]} name="Find a session" />
        <Key keys={["r"]} name="Load again" />
        <Key keys={["↑", "↓"]} name="In a table: row by row; also j and k" />
        <Key keys={["Home", "End"]} name="In a table: first row, last row that is loaded" />
        <Key keys={["Enter"]} name="In a table: open the row" />
        <Key keys={["←", "→"]} name="In a chart: point by point" />
        <Key keys={["Esc"]} name="Close a dialog" />
        <Key keys={["?"]} name="This list" />
      </dl>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function Key({ keys, name }: { keys: string[]; name: string }) {
  return (
    <div>
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{name}</dd>
    </div>
  );
}
