import type { SignalName, Status } from '$lib/status/status';

export interface Share {
	signal: SignalName;
	/** Bytes on disk. */
	bytes: number;
	/** Of `storage.max_size`, or of all that is used where that is unlimited. */
	share: number;
}

export function sharesOf(status: Status): Share[] {
	const used = status.signals.reduce((sum, one) => sum + one.sealed_bytes, 0);
	const whole = Math.max(1, status.max_bytes ?? used);
	return status.signals.map((one) => ({
		signal: one.signal,
		bytes: one.sealed_bytes,
		share: Math.min(1, one.sealed_bytes / whole)
	}));
}

/** The colour of a signal's share. */
export const SHARE_TOKENS: Record<SignalName, string> = {
	logs: '--severity-info',
	metrics: '--accent',
	traces: '--severity-warn'
};
