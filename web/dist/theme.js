// Before the first paint, so that nobody sees the other theme flash by.
(() => {
	let chosen = null;
	let density = null;
	try {
		chosen = localStorage.getItem('clew.theme');
		density = localStorage.getItem('clew.density');
	} catch {
		// Storage is switched off: the system's theme and close rows it is.
	}
	const dark = chosen === 'dark' || (chosen !== 'light' && !matchMedia('(prefers-color-scheme: light)').matches);
	document.documentElement.dataset.theme = dark ? 'dark' : 'light';
	document.documentElement.dataset.density = density === 'comfortable' ? 'comfortable' : 'compact';
})();
