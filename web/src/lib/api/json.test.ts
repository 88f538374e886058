import { describe, expect, it } from 'vitest';
import { csv, ndjson } from '$lib/logs/exporting';
import { fieldOf, flatten, type Log, messageOf } from '$lib/logs/record';
import { looksLikeId } from '$lib/shell/omnibox';
import { shownAttributes } from '$lib/traces/attributes';
import { isMap, jsonText, NumberText, parseJson, valueText } from './json';

/** Numbers as senders write them, which JavaScript would write otherwise, or lose. */
const NUMBERS = [
	'31799283746019283746019283746019283746',
	'340282366920938463463374607431768211455',
	'18446744073709551615',
	'9007199254740993',
	'-9223372036854775808',
	'0.10',
	'1.0',
	'-0',
	'-0.0',
	'1.50e3',
	'1E400',
	'0.10000000000000000001',
	'123456789012345678901234567890.123456789',
	'5e-324',
	'1e21'
];

/** What JavaScript writes as it came. */
const PLAIN = [
	'0',
	'7',
	'-12',
	'1.5',
	'9007199254740991',
	'123456789012345',
	'0.1',
	'1e+21',
	'1.7976931348623157e+308'
];

const logs = (value: string) =>
	parseJson(
		`{"logs":[{"id":"1","severity_number":9,"time":"","severity":"INFO","service":"s","message":"m",` +
			`"attributes":{"dd":{"trace_id":${value}},"list":[${value},"x"],"__proto__":{"n":${value}}}}]}`
	) as { logs: Log[] };

describe('numbers of senders', () => {
	for (const number of [...NUMBERS, ...PLAIN]) {
		it(`keep the text ${number} in fields, links, copies, JSON, NDJSON and CSV`, () => {
			const answer = logs(number);
			const [log] = answer.logs;
			if (!log) throw new Error('no log');
			expect(flatten(log.attributes)).toContainEqual({ name: 'dd.trace_id', value: number });
			expect(flatten(log.attributes)).toContainEqual({ name: 'list', value: number });
			expect(fieldOf(log, 'dd.trace_id')).toBe(number);
			expect(ndjson([log])).toContain(`"trace_id":${number}}`);
			expect(jsonText(log, 2)).toContain(`"trace_id": ${number}\n`);
			expect(csv([log]).split('\r\n')[1]?.split(',')).toContain(number);
			expect(shownAttributes(log.attributes as never).map((one) => one.text)).toContain(`[${number}, "x"]`);
			expect(valueText(log.attributes.dd)).toBe(`{"trace_id":${number}}`);
		});
	}

	it('are IDs by their text', () => {
		const [log] = logs('31799283746019283746019283746019283746').logs;
		expect(looksLikeId(log ? fieldOf(log, 'dd.trace_id') : '')).toBe('trace');
	});

	it('are kept as a whole message too', () => {
		const log = parseJson('{"message":1.0,"attributes":{}}') as Log;
		expect(messageOf(log)).toBe('1.0');
		expect(messageOf(parseJson('{"message":{"n":18446744073709551615}}') as Log)).toBe('{"n":18446744073709551615}');
	});

	it('are numbers for arithmetic', () => {
		expect(+(new NumberText('2.50') as unknown as number)).toBe(2.5);
		expect(`${new NumberText('2.50')}`).toBe('2.50');
		expect(isMap(new NumberText('1'))).toBe(false);
	});
});

describe('an answer', () => {
	it('has its own counts as numbers', () => {
		const answer = parseJson(
			'{"total":9007199254740993,"share":2.0,"rows":[{"duration_nanos":1.50e3}],"attributes":{"a":2.0}}'
		);
		expect(answer).toMatchObject({ total: 9007199254740992, share: 2, rows: [{ duration_nanos: 1500 }] });
		expect((answer as { attributes: { a: unknown } }).attributes.a).toBeInstanceOf(NumberText);
	});

	it('is not misled by digits, quotes and marks in texts and names', () => {
		const text = String.raw`{"attributes":{"1.0":"1.0","a\"1.0":"\\","b":"\"2.0","\u0001number":"no number","é":3.0}}`;
		const { attributes } = parseJson(text) as { attributes: Record<string, unknown> };
		expect(Object.keys(attributes)).toEqual(['1.0', 'a"1.0', 'b', '\u0001number', 'é']);
		expect(jsonText(attributes)).toBe(
			'{"1.0":"1.0","a\\"1.0":"\\\\","b":"\\"2.0","\\u0001number":"no number","é":3.0}'
		);
	});

	it('is what JSON.parse gives where there is no such number, and is refused where it is none', () => {
		const text = '{"a":[1,2,{"b":null}],"c":true,"d":"x","e":1.5}';
		expect(parseJson(text)).toEqual(JSON.parse(text));
		expect(jsonText(parseJson(text))).toBe(text);
		expect(jsonText(parseJson(text), 2)).toBe(JSON.stringify(JSON.parse(text), null, 2));
		for (const bad of ['', '{', '{"a":01}', '[1.]', '[1.0,]', '[-]', '{"a" 1.0}'])
			expect(() => parseJson(bad), bad).toThrow(SyntaxError);
	});
});
