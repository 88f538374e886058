import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HUES } from './hues';

/** The colours as tokens.css has them. */
function tokens(theme: string): Map<string, string> {
	const css = readFileSync(new URL('../ui/tokens.css', import.meta.url), 'utf8');
	const block = css.slice(css.indexOf(`[data-theme='${theme}'] {`)).split('}')[0] ?? '';
	return new Map(
		[...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{3,6});/g)].map(([, name = '', color = '']) => [name, color])
	);
}

function linear(hex: string): [number, number, number] {
	const full = hex.length === 4 ? [...hex.slice(1)].map((one) => one + one).join('') : hex.slice(1);
	const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
		const value = Number.parseInt(full.slice(at, at + 2), 16) / 255;
		return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
	});
	return [red, green, blue];
}

/** Relative luminance (WCAG 2.2). */
function contrast(one: string, other: string): number {
	const light = (hex: string) => {
		const [red, green, blue] = linear(hex);
		return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
	};
	const [least, most] = [light(one), light(other)].sort((a, b) => a - b) as [number, number];
	return (most + 0.05) / (least + 0.05);
}

/** A hundred times the distance in OKLab (B. Ottosson, 2020). */
function distance(one: string, other: string): number {
	const lab = (hex: string) => {
		const [r, g, b] = linear(hex);
		const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
		const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
		const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
		return [
			0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
			1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
			0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s
		];
	};
	const [a, b] = [lab(one), lab(other)];
	return 100 * Math.hypot(...a.map((value, at) => value - (b[at] ?? 0)));
}

describe.each(['dark', 'light'])('hues of services in %s', (theme) => {
	const all = tokens(theme);
	const hues = Array.from({ length: HUES }, (_, at) => all.get(`service-${at}`) ?? '');

	it('are as many as are given out, each apart from the others and from the colour of errors', () => {
		const danger = all.get('danger') ?? '';
		hues.forEach((hue, at) => {
			expect(hue).toMatch(/^#[0-9a-f]{6}$/);
			expect(distance(hue, danger), `${hue} and errors`).toBeGreaterThan(15);
			for (const other of hues.slice(at + 1)) expect(distance(hue, other), `${hue} and ${other}`).toBeGreaterThan(12);
		});
	});

	it('are seen on every ground', () => {
		const grounds = ['ground', 'surface'].map((name) => all.get(name) ?? '');
		for (const hue of hues)
			for (const ground of grounds) expect(contrast(hue, ground), hue).toBeGreaterThanOrEqual(2.95);
	});

	it('are no colours in which terminals write that cannot be read', () => {
		for (let at = 0; at < 16; at += 1) {
			const color = all.get(`ansi-${at}`) ?? '';
			expect(contrast(color, all.get('ground') ?? ''), `ansi ${at}: ${color}`).toBeGreaterThanOrEqual(4.5);
		}
	});
});
