import type { Schema } from '$lib/api/client';

/** Fields whose value names a story, in the order in which a person would follow them. */
const STORY_FIELDS = ['correlation_id', 'request_id', 'task_id', 'session_id'];

/** The ID under which the story of a record is found: a correlation field, else its trace; `null` for neither. */
export function storyId(log: Schema['LogDto']): string | null {
	for (const field of STORY_FIELDS) {
		const value = find(log.attributes, field);
		if (value !== null) return value;
	}
	return log.trace_id ?? null;
}

/** A field at the top or one level below, as in `context.task_id`. */
function find(attributes: Record<string, unknown>, field: string): string | null {
	const own = attributes[field];
	if (typeof own === 'string' && own !== '') return own;
	for (const value of Object.values(attributes)) {
		if (typeof value !== 'object' || value === null || Array.isArray(value)) continue;
		const inner = (value as Record<string, unknown>)[field];
		if (typeof inner === 'string' && inner !== '') return inner;
	}
	return null;
}
