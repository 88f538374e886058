/**
 * The newest value there was: what a query answered stays while its next answer fails. To be called where a component is
 * set up.
 */
export function kept<T>(read: () => T | undefined): { readonly value: T | undefined } {
	let value = $state.raw<T>();
	$effect.pre(() => {
		const next = read();
		if (next !== undefined) value = next;
	});
	return {
		get value() {
			return value;
		}
	};
}
