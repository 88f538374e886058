import { answer, api, type Schema } from '$lib/api/client';

/** Log records grouped by the server by what their messages have in common, over all of a range. */

type Asked = { query: string; start: string; end: string };

export type LogGroups = Schema['LogPatternsDto'] & {
	/** What was asked. */
	asked: Asked;
};

export type LogGroup = Schema['LogPatternDto'];

/** Buckets of a group's trend, about. */
const TREND_BUCKETS = 24;

/** The groups that were seen last, so many at most. */
export async function groupLogs(
	asked: Asked,
	limit: number,
	sort: 'newest' | 'records',
	signal: AbortSignal
): Promise<LogGroups> {
	const width = Date.parse(asked.end) - Date.parse(asked.start);
	const step = `${Math.max(1, Math.ceil(width / TREND_BUCKETS))}ms`;
	const found = await answer(
		api.GET('/api/v1/logs/patterns', { params: { query: { ...asked, step, limit, sort } }, signal })
	);
	return { ...found, asked };
}

/** The query that finds exactly the records of a group. */
export function groupQuery(asked: string, group: Pick<LogGroup, 'query'>): string {
	if (asked.trim() === '') return group.query;
	return `${/\bOR\b/.test(asked) ? `(${asked})` : asked} AND ${group.query}`;
}
