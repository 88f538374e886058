/**
 * Colours of a terminal in a text (ECMA-48, "select graphic rendition"): what programs write that believe that a person
 * looks on. The text that was sent stays as it is; shown are its characters, in their colours.
 */

/** A stretch of a text in one colour. */
export interface Stretch {
	text: string;
	/** A custom property, or a colour as CSS writes it; absent where the text has that of the page. */
	color?: string;
	ground?: string;
	bold?: boolean;
	faint?: boolean;
	italic?: boolean;
	underline?: boolean;
	struck?: boolean;
}

type Style = Omit<Stretch, 'text'>;

/** Control sequences: CSI, of which those that end with `m` are about colours; OSC up to its end; two-byte escapes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what this is about
const SEQUENCE = /\u001b(?:\[([0-?]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|[@-Z\\^_]|[ -/]+[0-~])/g;

/** A text without its control sequences. */
export function plainText(text: string): string {
	return text.includes('\u001b') ? text.replace(SEQUENCE, '') : text;
}

/** A text as stretches of one colour, up to so many characters. */
export function stretchesOf(text: string, most = Number.POSITIVE_INFINITY): Stretch[] {
	if (!text.includes('\u001b')) return [{ text: text.length > most ? text.slice(0, most) : text }];
	const found: Stretch[] = [];
	let style: Style = {};
	let end = 0;
	let room = most;
	const add = (piece: string) => {
		const kept = piece.slice(0, room);
		room -= kept.length;
		if (kept !== '') found.push({ text: kept, ...style });
	};
	for (const match of text.matchAll(SEQUENCE)) {
		add(text.slice(end, match.index));
		end = match.index + match[0].length;
		if (match[2] === 'm') style = turned(style, match[1] ?? '');
	}
	add(text.slice(end));
	return found.length > 0 ? found : [{ text: '' }];
}

/** The style after a sequence of parameters. */
function turned(style: Style, parameters: string): Style {
	const codes = parameters.split(/[;:]/).map((one) => (one === '' ? 0 : Number(one)));
	let next: Style = { ...style };
	for (let at = 0; at < codes.length; at += 1) {
		const code = codes[at] ?? 0;
		if (code === 38 || code === 48) {
			const { color, taken } = extended(codes.slice(at + 1));
			if (color !== undefined) next[code === 38 ? 'color' : 'ground'] = color;
			at += taken;
		} else next = simple(next, code);
	}
	return next;
}

function simple(style: Style, code: number): Style {
	if (code >= 30 && code <= 37) return { ...style, color: `var(--ansi-${code - 30})` };
	if (code >= 90 && code <= 97) return { ...style, color: `var(--ansi-${code - 82})` };
	if (code >= 40 && code <= 47) return { ...style, ground: `var(--ansi-${code - 40})` };
	if (code >= 100 && code <= 107) return { ...style, ground: `var(--ansi-${code - 92})` };
	switch (code) {
		case 0:
			return {};
		case 1:
			return { ...style, bold: true };
		case 2:
			return { ...style, faint: true };
		case 3:
			return { ...style, italic: true };
		case 4:
			return { ...style, underline: true };
		case 7:
			return { ...style, color: 'var(--ground)', ground: style.color ?? 'var(--ink)' };
		case 9:
			return { ...style, struck: true };
		case 22:
			return without(style, 'bold', 'faint');
		case 23:
			return without(style, 'italic');
		case 24:
			return without(style, 'underline');
		case 27:
			return without(style, 'color', 'ground');
		case 29:
			return without(style, 'struck');
		case 39:
			return without(style, 'color');
		case 49:
			return without(style, 'ground');
		default:
			return style;
	}
}

function without(style: Style, ...names: (keyof Style)[]): Style {
	const next = { ...style };
	for (const name of names) delete next[name];
	return next;
}

/** A colour out of 256 (`5;n`) or as red, green and blue (`2;r;g;b`). */
function extended(codes: readonly number[]): { color?: string; taken: number } {
	const [kind, ...rest] = codes;
	if (kind === 5) {
		const number = rest[0] ?? 0;
		return { color: number >= 0 && number <= 255 ? indexed(number) : undefined, taken: 2 };
	}
	if (kind === 2) {
		const [red = 0, green = 0, blue = 0] = rest;
		const valid = [red, green, blue].every((one) => Number.isInteger(one) && one >= 0 && one <= 255);
		return { color: valid ? `rgb(${red} ${green} ${blue})` : undefined, taken: 4 };
	}
	return { taken: 1 };
}

/** The palette of xterm: 16 colours of the page, a cube of 6 × 6 × 6, 24 greys. */
function indexed(number: number): string {
	if (number < 16) return `var(--ansi-${number})`;
	if (number >= 232)
		return `rgb(${Array(3)
			.fill(8 + 10 * (number - 232))
			.join(' ')})`;
	const at = number - 16;
	const level = (step: number) => (step === 0 ? 0 : 55 + 40 * step);
	return `rgb(${[Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map(level).join(' ')})`;
}

/** Stretches cut where pieces of their plain text end, so that marks and colours stand over one another. */
export function marked<P extends { text: string }>(
	stretches: readonly Stretch[],
	pieces: readonly P[]
): { stretch: Stretch; piece: P; text: string }[] {
	const found: { stretch: Stretch; piece: P; text: string }[] = [];
	let at = 0;
	let used = 0;
	for (const stretch of stretches) {
		for (let rest = stretch.text; rest !== ''; ) {
			const piece = pieces[at];
			if (piece === undefined) break;
			const text = rest.slice(0, piece.text.length - used);
			if (text !== '') found.push({ stretch, piece, text });
			rest = rest.slice(text.length);
			used += text.length;
			if (used < piece.text.length) continue;
			at += 1;
			used = 0;
		}
	}
	return found;
}
