import { jsonText } from '$lib/api/json';
import { localTime } from '$lib/time/range';
import { flatten, type Log, messageOf } from './record';

/** Records as files, and the question as a command. */

export function ndjson(rows: readonly Log[]): string {
	return rows.map((log) => `${jsonText(log)}\n`).join('');
}

/** Columns of a table at most: records of any schema may have thousands of fields. */
const MAX_COLUMNS = 200;

/** Comma-separated values (RFC 4180): time, severity, service, message, IDs, then every attribute that occurs. */
export function csv(rows: readonly Log[]): string {
	const names = new Set<string>();
	const flat = rows.map((log) => {
		const fields = new Map<string, string>();
		for (const { name, value } of flatten(log.attributes)) {
			const before = fields.get(name);
			fields.set(name, before === undefined ? value : `${before}, ${value}`);
			if (names.size < MAX_COLUMNS) names.add(name);
		}
		return fields;
	});
	const own = ['time', 'severity', 'service', 'message', 'trace_id', 'span_id'];
	const extra = [...names].filter((name) => !own.includes(name));
	const lines = rows.map((log, index) => [
		log.time,
		log.severity,
		log.service,
		messageOf(log),
		log.trace_id ?? '',
		log.span_id ?? '',
		...extra.map((name) => flat[index]?.get(name) ?? '')
	]);
	return [[...own, ...extra], ...lines].map((line) => `${line.map(cell).join(',')}\r\n`).join('');
}

/** What a spreadsheet would run as a formula is written as text: records come from anywhere. */
function cell(value: string): string {
	const text = /^[=+\-@\t]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value;
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The same question for a shell. */
export function curl(origin: string, params: Record<string, string>): string {
	const parts = Object.entries(params)
		.filter(([, value]) => value !== '')
		.map(([name, value]) => ` \\\n  --data-urlencode ${quoted(`${name}=${value}`)}`);
	return `curl -sG ${quoted(`${origin}/api/v1/logs`)}${parts.join('')}`;
}

function quoted(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Hands a text to the browser as a file, named by the present time. */
export function download(extension: string, type: string, text: string) {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(new Blob([text], { type }));
	link.download = `logs-${localTime(Date.now()).slice(0, 19).replace(' ', 'T').replaceAll(':', '')}.${extension}`;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
