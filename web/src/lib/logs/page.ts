import { absolute, type ResolvedRange } from '$lib/time/range';

/** What the URL of the logs page says beside the query and the range. */

export const PANEL_TABS = ['fields', 'json', 'context', 'trace'] as const;
/** A part of the side panel. */
export type PanelTab = (typeof PANEL_TABS)[number];

export function panelTab(text: string): PanelTab | null {
	return PANEL_TABS.find((tab) => tab === text) ?? null;
}

/** Columns as the URL lists them. A comma in a name is written `%2C`. */
export function columnsOf(text: string): string[] {
	return text === '' ? [] : text.split(',').map((name) => name.replaceAll('%2C', ','));
}

export function columnsParam(columns: readonly string[]): string {
	return columns.map((name) => name.replaceAll(',', '%2C')).join(',');
}

/** The list with a column more, or less where it was there. */
export function toggled(columns: readonly string[], field: string): string[] {
	return columns.includes(field) ? columns.filter((one) => one !== field) : [...columns, field];
}

/** A link that shows the same to others, at any time: the range is the instants meant, not the words. */
export function sharedLink(url: URL, range: ResolvedRange, selected: string): string {
	const shared = new URL(url);
	for (const [name, value] of Object.entries(absolute(range.start, range.end))) shared.searchParams.set(name, value);
	if (selected !== '') shared.searchParams.set('sel', selected);
	shared.searchParams.delete('live');
	shared.searchParams.delete('refresh');
	return shared.href;
}

/** What is told of answers that did not come while older ones are shown: each cause once, or `null` for none. */
export function staleNote(failures: Record<string, Error | null>): string | null {
	const causes = new Map<string, string[]>();
	for (const [what, failure] of Object.entries(failures)) {
		if (failure) causes.set(failure.message, [...(causes.get(failure.message) ?? []), what]);
	}
	if (causes.size === 0) return null;
	const notes = [...causes].map(([cause, what]) => `Not refreshed: ${what.join(', ')}. ${cause}`);
	return notes.map((note) => (/[.!?…]$/.test(note) ? note : `${note}.`)).join(' ');
}
