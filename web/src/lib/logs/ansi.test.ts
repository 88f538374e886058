import { describe, expect, it } from 'vitest';
import { marked, plainText, stretchesOf } from './ansi';
import { pieces } from './marks';

const E = '\u001b';

describe('a text from a terminal', () => {
	it('is shown in its colours', () => {
		expect(stretchesOf(`${E}[31mfrobnicate${E}[0m failed`)).toEqual([
			{ text: 'frobnicate', color: 'var(--ansi-1)' },
			{ text: ' failed' }
		]);
		expect(stretchesOf(`${E}[1;32;44mok${E}[22;39m x${E}[m.`)).toEqual([
			{ text: 'ok', bold: true, color: 'var(--ansi-2)', ground: 'var(--ansi-4)' },
			{ text: ' x', ground: 'var(--ansi-4)' },
			{ text: '.' }
		]);
	});

	it.each([
		[`${E}[90mgrey`, { color: 'var(--ansi-8)' }],
		[`${E}[107mwhite`, { ground: 'var(--ansi-15)' }],
		[`${E}[38;5;9mx`, { color: 'var(--ansi-9)' }],
		[`${E}[38;5;196mx`, { color: 'rgb(255 0 0)' }],
		[`${E}[38;5;232mx`, { color: 'rgb(8 8 8)' }],
		[`${E}[38;2;10;20;30mx`, { color: 'rgb(10 20 30)' }],
		[`${E}[48:5:21mx`, { ground: 'rgb(0 0 255)' }],
		[`${E}[38;2;10;20;300mx`, {}],
		[`${E}[38;5;999;1mx`, { bold: true }],
		[`${E}[3;4;9mx`, { italic: true, underline: true, struck: true }],
		[`${E}[31;7mx`, { color: 'var(--ground)', ground: 'var(--ansi-1)' }],
		[`${E}[31m${E}[39mx`, {}]
	])('%j', (text, style) => {
		expect(stretchesOf(text)).toEqual([{ text: plainText(text), ...style }]);
	});

	it.each([
		[`${E}[2K${E}[1Gdone`, 'done'],
		[`${E}]8;;http://x/${E}\\link${E}]8;;${E}\\`, 'link'],
		[`${E}]0;title\u0007text`, 'text'],
		[`a${E}(Bb`, 'ab'],
		[`${E}[31`, `${E}[31`],
		['no codes', 'no codes'],
		[`${E}[0m`, '']
	])('%j without its sequences', (text, plain) => {
		expect(plainText(text)).toBe(plain);
		expect(
			stretchesOf(text)
				.map((one) => one.text)
				.join('')
		).toBe(plain);
	});

	it('is cut by what is seen of it', () => {
		expect(stretchesOf(`${E}[31mabc${E}[0mdef`, 4).map((one) => one.text)).toEqual(['abc', 'd']);
		expect(stretchesOf('abcdef', 4)).toEqual([{ text: 'abcd' }]);
	});

	it('keeps its marks over the ends of colours', () => {
		const stretches = stretchesOf(`${E}[31mfrob${E}[32mnicate${E}[0m failed`);
		const cut = marked(stretches, pieces('frobnicate failed', /frobnicate/g));
		expect(cut.map((one) => [one.text, one.piece.hit, one.stretch.color])).toEqual([
			['frob', true, 'var(--ansi-1)'],
			['nicate', true, 'var(--ansi-2)'],
			[' failed', false, undefined]
		]);
	});
});
