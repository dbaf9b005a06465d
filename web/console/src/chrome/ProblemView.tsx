import type { Problem } from "../api/problem.ts";

/** What went wrong and what to do about it, in the words of the server. */
export function ProblemView({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <div className="problem" role="alert" data-testid="problem" data-code={problem.code}>
      <p className="problem-message">{problem.message}</p>
      {problem.remedy && <p data-testid="remedy">{problem.remedy}</p>}
      <p className="problem-foot">
        <code>{problem.code}</code>
        {onRetry && (
          <button type="button" className="button button-small" onClick={onRetry}>
            Try again
          </button>
        )}
      </p>
    </div>
  );
}
