import { describe, expect, it } from 'vitest';
import { completionAt } from './completion';
import { canFilter, filterState, literal, withFilter } from './filters';
import { marksOf, pieces } from './marks';
import { tokenize } from './tokens';

function kinds(query: string): string[] {
	return tokenize(query)
		.filter((token) => token.kind !== 'blank')
		.map((token) => `${token.kind} ${token.text}`);
}

function marked(query: string, text: string): string[] {
	return pieces(text, marksOf(query))
		.filter((piece) => piece.hit)
		.map((piece) => piece.text);
}

describe('tokens', () => {
	it('cuts the search bar', () => {
		expect(kinds('level:>=warn -"a b" AND (x OR /y z/)')).toEqual([
			'field level:',
			'operator >=',
			'word warn',
			'not -',
			'string "a b"',
			'keyword AND',
			'open (',
			'word x',
			'keyword OR',
			'regex /y z/',
			'close )'
		]);
	});

	it('leaves colons to the value once the name is over, and to addresses and paths', () => {
		expect(kinds('task_id:task:001')).toEqual(['field task_id:', 'word task:001']);
		expect(kinds('http://x std::io')).toEqual(['word http://x', 'word std::io']);
	});

	it('cuts ranges, whatever their ends', () => {
		expect(kinds('status:[500 TO 599} x')).toEqual([
			'field status:',
			'operator [',
			'number 500',
			'keyword TO',
			'number 599',
			'operator }',
			'word x'
		]);
	});

	it('cuts LogQL', () => {
		expect(kinds('{service="a"} |= "x" | json | d > 10ms')).toEqual([
			'open {',
			'field service',
			'operator =',
			'string "a"',
			'close }',
			'operator |=',
			'string "x"',
			'operator |',
			'keyword json',
			'operator |',
			'field d',
			'operator >',
			'number 10ms'
		]);
	});

	it('takes any text whole, unfinished too', () => {
		for (const query of ['"open', 'a:', 'a:(', 'x:[1 TO', '\\', '/a', '{a="', '-', '))', '😀 "', 'a:"b\\']) {
			expect(
				tokenize(query)
					.map((token) => token.text)
					.join('')
			).toBe(query);
		}
	});
});

describe('filters', () => {
	it('adds, takes out again and turns round', () => {
		expect(withFilter('', 'service', 'coder', false)).toBe('service:=coder');
		expect(withFilter('timeout', 'task_id', 'task:001', true)).toBe('timeout -task_id:=task:001');
		expect(withFilter('timeout service:=coder', 'service', 'coder', false)).toBe('timeout');
		expect(withFilter('service:=coder AND timeout', 'service', 'coder', false)).toBe('timeout');
		expect(withFilter('a AND service:=coder AND "b  c"', 'service', 'coder', false)).toBe('a AND "b  c"');
		expect(withFilter('a NOT service:=coder', 'service', 'coder', true)).toBe('a');
		expect(withFilter('-service:=coder x', 'service', 'coder', false)).toBe('x service:=coder');
	});

	it('asks for severities by rank name and quotes what is not plain', () => {
		expect(withFilter('', 'level', 'ERROR', false)).toBe('level:error');
		expect(literal('a "b" \\')).toBe('"a \\"b\\" \\\\"');
		expect(literal('OR')).toBe('"OR"');
		expect(literal(':x')).toBe('":x"');
	});

	it('keeps an OR together and does not take it apart', () => {
		expect(withFilter('a OR b', 'service', 'x', false)).toBe('(a OR b) service:=x');
		expect(withFilter('service:=x OR b', 'service', 'x', false)).toBe('(service:=x OR b) service:=x');
	});

	it('appends label filters to LogQL', () => {
		const once = withFilter('{service="a"}', 'resource.host', 'n"1', false);
		expect(once).toBe('{service="a"} | resource_host = "n\\"1"');
		expect(withFilter(once, 'resource.host', 'n"1', false)).toBe('{service="a"}');
	});

	it('says what the query holds', () => {
		expect(filterState('x -service:=coder', 'service', 'coder')).toBe(-1);
		expect(filterState('x service:=coder', 'service', 'coder')).toBe(1);
		expect(filterState('x service:=coder2', 'service', 'coder')).toBe(0);
		expect(canFilter('', 'k8s/pod')).toBe(true);
		expect(canFilter('{a="b"}', 'k8s/pod')).toBe(false);
	});
});

describe('the empty value', () => {
	it('is asked for as a label of LogQL', () => {
		const once = withFilter('{a="b"}', 'user', '', false);
		expect(once).toBe('{a="b"} | user = ""');
		expect(filterState(once, 'user', '')).toBe(1);
		expect(withFilter(once, 'user', '', true)).toBe('{a="b"} | user != ""');
	});

	it('is asked for in quotes in the search bar', () => {
		expect(withFilter('x', 'user', '', true)).toBe('x -user:=""');
		expect(filterState('x -user:=""', 'user', '')).toBe(-1);
		expect(filterState('x user:*', 'user', '')).toBe(0);
	});
});

describe('names that are not plain', () => {
	it('are quoted, coloured, completed and found again', () => {
		const name = 'kubernetes.labels.app.kubernetes.io/instance';
		const once = withFilter('x', name, 'a b', false);
		expect(once).toBe(`x "${name}":="a b"`);
		expect(filterState(once, name, 'a b')).toBe(1);
		expect(withFilter(once, name, 'a b', false)).toBe('x');
		expect(kinds('"a \\"b":x a\\ b:y')).toEqual(['field "a \\"b":', 'word x', 'field a\\ b:', 'word y']);
		expect(completionAt('"a b":', 6)).toEqual({ kind: 'value', field: 'a b', from: 6 });
	});

	it('leave text that was pasted alone', () => {
		expect(kinds('error: no C:\\temp "a": b')).toEqual([
			'word error:',
			'word no',
			'word C:\\temp',
			'string "a"',
			'word :',
			'word b'
		]);
		expect(kinds('level:')).toEqual(['field level:']);
	});
});

describe('marks', () => {
	it('marks words, phrases and wildcards, case aside', () => {
		expect(marked('Timeout "did not" fail*', 'timeout: did  not, FAILED')).toEqual(['timeout', 'did  not', 'FAILED']);
	});

	it('does not mark what is left out or asked of another field', () => {
		expect(marked('-timeout NOT answer service:coder message:llm', 'timeout coder llm answer')).toEqual(['llm']);
		expect(marked('NOT (a OR b) c', 'a b c')).toEqual(['c']);
		expect(marked('level:>=warn', 'warn')).toEqual([]);
	});

	it('marks whole words, as the server finds them', () => {
		expect(marked('task', 'task task:1 tasks multitask')).toEqual(['task', 'task']);
	});

	it('marks line filters of LogQL', () => {
		expect(marked('{a="timeout"} |= "not" |~ "l+m" != "in"', 'timeout llm not in')).toEqual(['llm', 'not']);
	});

	it('leaves out regular expressions that could take for ever here', () => {
		expect(marked('/(a+)+b/ x', 'aaaa x')).toEqual(['x']);
	});

	it('loses no text', () => {
		const text = 'a.b (a) a';
		expect(
			pieces(text, marksOf('a'))
				.map((piece) => piece.text)
				.join('')
		).toBe(text);
	});
});

describe('completion', () => {
	it('offers fields where a term begins and values behind a field', () => {
		expect(completionAt('serv', 4)).toEqual({ kind: 'field', from: 0 });
		expect(completionAt('a AND -le', 9)).toEqual({ kind: 'field', from: 7 });
		expect(completionAt('service:', 8)).toEqual({ kind: 'value', field: 'service', from: 8 });
		expect(completionAt('x service:=co', 13)).toEqual({ kind: 'value', field: 'service', from: 11 });
		expect(completionAt('service:"a b', 12)).toEqual({ kind: 'value', field: 'service', from: 8 });
	});

	it('offers labels and their values in LogQL', () => {
		expect(completionAt('{se', 3)).toEqual({ kind: 'label', from: 1 });
		expect(completionAt('{service="c', 11)).toEqual({ kind: 'label-value', field: 'service', from: 10 });
	});

	it('offers nothing inside phrases and between terms', () => {
		expect(completionAt('"a ser', 6)).toBeNull();
		expect(completionAt('a ', 2)).toBeNull();
		expect(completionAt('', 0)).toBeNull();
	});
});

describe('marks in scripts without spaces', () => {
	it('stand on letters within a sentence, and on words between them', () => {
		expect(marked('连接', '用户marie登录，数据库连接失败')).toEqual(['连接']);
		expect(marked('marie', '用户marie登录')).toEqual(['marie']);
		expect(marked('marie', '用户mariette登录')).toEqual([]);
		expect(marked('사용자', '사용자가 로그인')).toEqual(['사용자']);
	});
});
