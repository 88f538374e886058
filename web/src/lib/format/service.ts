import { type Hue, Hues, hueToken } from './hues';

const hues = new Hues('clew.service-hues');

/** The hue and the mark of a service: the same on every page, and of no other service while there are hues enough. */
export function serviceHue(name: string): Hue {
	return hues.of(name);
}

/** The custom property that holds the colour of a service. */
export function serviceToken(name: string): string {
	return hueToken(serviceHue(name));
}
