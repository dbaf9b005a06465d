const PATHS = {
  overview: "M4 20V11M10 20V4M16 20v-7M21 20H3",
  sessions: "M4 5h16v11H9l-5 4z",
  principals: "M9 11a3.5 3.5 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM3 20a6 6 0 0 1 12 0M16 4.500a3.500 3.500 0 0 1 0 6.500M17.500 14.500A6 6 0 0 1 21 20",
  limits: "M4 16a8 8 0 1 1 16 0M12 16l4-5M4 19.500h16",
  audit: "M7 3h10l3 3v15H4V3zM8 9h8M8 13h8M8 17h5",
  config: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4M4 12h13M19 12h1",
  back: "M15 6l-6 6 6 6",
  chevron: "M9 6l6 6-6 6",
  close: "M6 6l12 12M18 6L6 18",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  filter: "M4 5h16l-6 8v6l-4-2v-4z",
  hourglass: "M7 4h10M7 20h10M8 4c0 5 8 6 8 11v5M16 4c0 5-8 6-8 11v5",
  key: "M8 15a4 4 0 1 1 3.500-5.900L21 9v4h-3v3h-3v-3h-3.500A4 4 0 0 1 8 15zM7.500 11h.01",
  keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z",
  park: "M9 5v14M15 5v14",
  play: "M8 5l11 7-11 7z",
  redo: "M20 5v5h-5M20 10a8 8 0 1 0 .5 5",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.500 4.500",
  signOut: "M14 4h6v16h-6M4 12h11M8 8l-4 4 4 4",
  stop: "M7 7h10v10H7z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2.500M12 19.500V22M2 12h2.500M19.500 12H22M5 5l1.700 1.700M17.300 17.300L19 19M19 5l-1.700 1.700M6.700 17.300L5 19",
  tool: "M14.500 6a4.500 4.500 0 0 0-6 5.500L3.500 16.500a2 2 0 0 0 0 2.800l1.200 1.200a2 2 0 0 0 2.800 0l5-5A4.500 4.500 0 0 0 18 9.500l-3 2.500-3-3z",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
} as const;

export type IconName = keyof typeof PATHS;

/** A line drawing in the colour of the text around it; always beside or inside something that has a name. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
