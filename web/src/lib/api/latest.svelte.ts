/** What this needs of a query of @tanstack/svelte-query. */
interface Asked<T> {
	readonly data: T | undefined;
	readonly isPlaceholderData: boolean;
}

/**
 * The newest answer there is. A refresh is a query of its own (its key has the new time range), so that when it fails the
 * answer before is gone: this keeps it, to be shown as stale. `subject` says what is asked about; an answer about another
 * subject is never shown. To be called while a component is set up.
 */
export function latest<T>(query: Asked<T>, subject: () => string = () => ''): { readonly data: T | undefined } {
	let kept = $state.raw<{ subject: string; data: T } | null>(null);
	$effect(() => {
		if (query.data !== undefined && !query.isPlaceholderData) kept = { subject: subject(), data: query.data };
	});
	return {
		get data() {
			return query.data ?? (kept?.subject === subject() ? kept.data : undefined);
		}
	};
}
