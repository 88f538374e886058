/** How many hues there are for services (`--service-0` and on, in tokens.css). */
export const SERVICE_HUES = 8;

/** The hue of a service: the same name has the same one on every page and every day (FNV-1a). */
export function serviceHue(name: string): number {
	let hash = 0x811c9dc5;
	for (let at = 0; at < name.length; at += 1) {
		hash ^= name.charCodeAt(at);
		hash = Math.imul(hash, 0x01000193);
	}
	return (hash >>> 0) % SERVICE_HUES;
}

/** The custom property that holds the colour of a service. */
export function serviceToken(name: string): string {
	return `--service-${serviceHue(name)}`;
}
