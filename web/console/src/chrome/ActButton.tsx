import type { ReactNode } from "react";
import { useAccess } from "../api/use-api.ts";
import { Icon, type IconName } from "./Icon.tsx";

interface Props {
  icon?: IconName;
  testId: string;
  danger?: boolean;
  disabled?: boolean;
  title?: string;
  onClick: () => void;
  children: ReactNode;
}

/** A button for something that needs the scope act; it says so to whoever does not have it. */
export function ActButton({ icon, testId, danger = false, disabled = false, title, onClick, children }: Props) {
  const { mayAct } = useAccess();
  return (
    <button
      type="button"
      className={danger ? "button button-small button-warning" : "button button-small"}
      data-testid={testId}
      disabled={disabled || !mayAct}
      title={mayAct ? title : "You may look, but not act: this needs the scope act."}
      onClick={onClick}
    >
      {icon && <Icon name={icon} size={15} />}
      {children}
    </button>
  );
}
