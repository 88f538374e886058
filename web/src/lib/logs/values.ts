import { answer, api, type Schema } from '$lib/api/client';

/** Values of a field listed at most. */
const VALUES = 50;

/** The most frequent values of a field among the records of a query and a range. */
export async function fieldValues(
	name: string,
	query: { query?: string; start: string; end: string }
): Promise<Schema['ValueCountDto'][]> {
	const params = { path: { name }, query: { ...query, limit: VALUES } };
	return (await answer(api.GET('/api/v1/logs/fields/{name}/values', { params }))).values;
}
