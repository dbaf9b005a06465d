/** The cuttlefish. Decoration only: the name stands beside it. */
export function Logo({ size }: { size: number }) {
  return (
    <svg className="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect className="logo-ground" width="32" height="32" rx="9" />
      <path className="logo-fins" d="M16 3c8.2 4.2 9.6 11.4 5.3 16.200H10.700C6.4 14.4 7.8 7.2 16 3z" />
      <path className="logo-body" d="M16 3c4.4 4 5.5 10 4.3 15.300a4.6 4.6 0 0 1-8.6 0C10.5 13 11.6 7 16 3z" />
      <path
        className="logo-arms"
        d="M12.3 20.500c-.6 3-3 3.2-3.9 5.700M14.7 22c0 2.9-1.5 3.8-1.7 6.500M17.3 22c0 2.9 1.5 3.8 1.7 6.500M19.7 20.500c.6 3 3 3.2 3.9 5.7"
      />
      <circle className="logo-eye" cx="13.6" cy="17.8" r="1.15" />
      <circle className="logo-eye" cx="18.4" cy="17.8" r="1.15" />
    </svg>
  );
}
