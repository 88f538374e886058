// Before the first paint, so that nobody sees the other theme flash by.
(() => {
	let chosen = null;
	try {
		chosen = localStorage.getItem('clew.theme');
	} catch {
		// Storage is switched off: the system's theme it is.
	}
	const dark = chosen === 'dark' || (chosen !== 'light' && !matchMedia('(prefers-color-scheme: light)').matches);
	document.documentElement.dataset.theme = dark ? 'dark' : 'light';
})();
