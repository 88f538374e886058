import { fieldName, isLogql, type Token, tokenize } from './tokens';

/** What can be completed where the cursor stands. */
export type Completion =
	| { kind: 'field'; from: number }
	| { kind: 'label'; from: number }
	| { kind: 'value'; field: string; from: number }
	| { kind: 'label-value'; field: string; from: number };

/** What the text before `position` asks for, or `null`. */
export function completionAt(text: string, position: number): Completion | null {
	const tokens = tokenize(text.slice(0, position));
	const last = tokens.at(-1);
	if (!last) return null;
	return isLogql(text) ? inLogql(tokens, last) : inSearchBar(tokens, last);
}

function inSearchBar(tokens: Token[], last: Token): Completion | null {
	if (last.kind === 'field') return { kind: 'value', field: fieldName(last), from: last.to };
	const before = tokens[tokens.length - 2];
	const field = before?.kind === 'operator' ? tokens[tokens.length - 3] : before;
	if (field?.kind === 'field' && ['word', 'string', 'number'].includes(last.kind)) {
		return { kind: 'value', field: fieldName(field), from: last.from };
	}
	if (last.kind === 'operator' && last.text === '=' && before?.kind === 'field') {
		return { kind: 'value', field: fieldName(before), from: last.to };
	}
	return last.kind === 'word' || last.kind === 'keyword' ? { kind: 'field', from: last.from } : null;
}

function inLogql(tokens: Token[], last: Token): Completion | null {
	if (last.kind === 'field') return { kind: 'label', from: last.from };
	const told = tokens.filter((token) => token.kind !== 'blank');
	const [field, operator] = [told.at(-3), told.at(-2)];
	const isTest = operator?.kind === 'operator' && /^(?:=|!=|=~|!~)$/.test(operator.text);
	const open = last.kind === 'string' && !/^".*[^\\]"$/s.test(last.text) && last.text !== '""';
	if (open && isTest && field?.kind === 'field') return { kind: 'label-value', field: field.text, from: last.from + 1 };
	return null;
}
