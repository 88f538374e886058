import type { Schema } from '$lib/api/client';
import { valueText } from '$lib/api/json';
import { plainText } from '$lib/logs/ansi';
import { clockFrom } from './time';
import type { Trace } from './tree';

/** A log record on the time axis of its trace. */
export interface LogMark {
	log: Schema['LogDto'];
	/** Nanoseconds since the start of the trace. */
	at: number;
}

export interface TraceLogs {
	/** All, by time. */
	marks: LogMark[];
	/** By index of the node. */
	bySpan: Map<number, LogMark[]>;
	/** How many name no span of the trace. */
	loose: number;
}

/** Log records by the spans that they name, oldest first. */
export function placeLogs(trace: Trace, logs: readonly Schema['LogDto'][]): TraceLogs {
	const since = clockFrom(trace.origin);
	const marks = logs.map((log) => ({ log, at: since(log.time_unix_nano) })).sort((a, b) => a.at - b.at);
	const bySpan = new Map<number, LogMark[]>();
	let loose = 0;
	for (const mark of marks) {
		const node = mark.log.span_id ? trace.byId.get(mark.log.span_id) : undefined;
		if (node === undefined) {
			loose += 1;
			continue;
		}
		const list = bySpan.get(node);
		if (list) list.push(mark);
		else bySpan.set(node, [mark]);
	}
	return { marks, bySpan, loose };
}

/** The message on one line. */
export function logLine(log: Schema['LogDto']): string {
	const message = log.message;
	const text = plainText(valueText(message));
	return text === '' ? log.event_name || '(no message)' : text.replaceAll(/\s*\n\s*/g, ' ⏎ ');
}
