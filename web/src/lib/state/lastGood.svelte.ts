/** What of a query's result is looked at. */
interface Result<Data> {
	data: Data | undefined;
	isPlaceholderData: boolean;
}

/**
 * The data of a query that asks under a new key on each refresh, kept when such a refresh fails: placeholder data stands
 * only while a query is pending. `fits` tells whether data from before is about what is asked now; data must say by
 * itself what it is about. To be called while a component is set up.
 */
export function lastGood<Data>(
	read: () => Result<Data>,
	fits: (data: Data) => boolean
): { readonly data: Data | undefined } {
	let kept = $state.raw<Data>();
	$effect(() => {
		const { data, isPlaceholderData } = read();
		if (data !== undefined && !isPlaceholderData) kept = data;
	});
	return {
		get data() {
			const { data } = read();
			if (data !== undefined) return data;
			return kept !== undefined && fits(kept) ? kept : undefined;
		}
	};
}
