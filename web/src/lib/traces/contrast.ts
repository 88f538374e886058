import type { Schema } from '$lib/api/client';
import type { Params } from '$lib/url/link';
import { attributeFilter, parseAttributeFilter } from './attributes';

/** What sets the selected traces apart from the rest. */

export type Contrast = Schema['TraceContrastDto'];
export type Apart = Contrast['attributes'][number];

/** Shares of the two groups, 0 to 1. */
export function sharesOf(one: Apart, of: Contrast): { selected: number; rest: number } {
	return {
		selected: of.looked_at_selected === 0 ? 0 : one.selected / of.looked_at_selected,
		rest: of.looked_at_rest === 0 ? 0 : one.rest / of.looked_at_rest
	};
}

/**
 * The parameters of the search that finds the traces with one of these too: a span of the service with the attribute. The
 * search tests one span, so that tests for a span of another service give way.
 */
export function narrowedTo(one: Apart, now: { service: string; attrs: string }): Params {
	const same = now.service === '' || now.service === one.service;
	const base: Params = same
		? { service: one.service }
		: { service: one.service, operation: '', kind: '', status: '', min: '', max: '', attrs: '' };
	if (one.key === 'operation') return { ...base, operation: one.value };
	if (one.key === 'status') return { ...base, status: one.value };
	const own = attributeFilter(one.key, one.value);
	const before = same ? now.attrs.trim() : '';
	const held = parseAttributeFilter(before).includes(`${one.key}=${one.value}`);
	return { ...base, attrs: held ? before : [before, own].filter(Boolean).join(' ') };
}
