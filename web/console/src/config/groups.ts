import type { Setting } from "../api/types.ts";

/** Settings by what stands before the first dot of their names; those without one come first, under "". */
export function groupsOf(settings: readonly Setting[]): [string, Setting[]][] {
  const groups = new Map<string, Setting[]>([["", []]]);
  for (const setting of settings) {
    const dot = setting.name.indexOf(".");
    const group = dot < 0 ? "" : setting.name.slice(0, dot);
    groups.set(group, [...(groups.get(group) ?? []), setting]);
  }
  return [...groups].filter(([, members]) => members.length > 0);
}

/** Those whose name or description holds every word; with `changed` only those that were set. */
export function settingsLike(settings: readonly Setting[], text: string, changed: boolean): Setting[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return settings.filter(({ name, description, source }) => {
    const searched = `${name} ${description}`.toLowerCase();
    return (!changed || source === "set") && words.every((word) => searched.includes(word));
  });
}
