/** Grey lines where figures are going to be. */
export function Bones({ lines = 4 }: { lines?: number }) {
  return (
    <div className="bones" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} className="bone" />
      ))}
    </div>
  );
}
