import { answer, api, type Schema } from '$lib/api/client';

/** What stands before and after a record. */
export type LogContext = Schema['LogContextDto'];

/** Among which records: those of its service, or all. */
export type Scope = 'service' | 'all';

/** A record with its neighbours. */
export function logContext(
	id: string,
	query: { before: number; after: number; scope?: Scope },
	signal?: AbortSignal
): Promise<LogContext> {
	return answer(api.GET('/api/v1/logs/{id}/context', { params: { path: { id }, query }, signal }));
}
