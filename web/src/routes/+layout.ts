// One page, drawn in the browser: the server sends data, never pages.
export const ssr = false;
export const prerender = false;
export const trailingSlash = 'never';
