import { prometheus } from '$lib/api/prometheus';

/** A scrape target, as `GET /prometheus/api/v1/targets` answers it. */
export interface Target {
	discoveredLabels: Record<string, string>;
	labels: Record<string, string>;
	scrapePool: string;
	scrapeUrl: string;
	lastError: string;
	/** RFC 3339; year 1 before the first scrape. */
	lastScrape: string;
	/** Seconds. */
	lastScrapeDuration: number;
	health: 'up' | 'down' | 'unknown';
	scrapeInterval: string;
	scrapeTimeout: string;
}

/** What is scraped, and what is wrong with finding it: a discovery that is not built, a list that cannot be asked. */
export interface Targets {
	targets: Target[];
	problems: string[];
}

export async function fetchTargets(signal?: AbortSignal): Promise<Targets> {
	const { data, warnings } = await prometheus<{ activeTargets: Target[] }>('targets', { state: 'active' }, signal);
	return { targets: data.activeTargets, problems: warnings };
}

const RANK = { down: 0, unknown: 1, up: 2 };

/** Those that match all words of a filter and the health chosen; what is down first. */
export function chosenTargets(targets: readonly Target[], filter: string, health: string): Target[] {
	const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
	return targets
		.filter((target) => health === '' || target.health === health)
		.filter((target) => {
			const text = [target.scrapeUrl, target.lastError, ...Object.entries(target.labels).map((pair) => pair.join('='))]
				.join(' ')
				.toLowerCase();
			return words.every((word) => text.includes(word));
		})
		.sort(
			(a, b) =>
				RANK[a.health] - RANK[b.health] ||
				a.scrapePool.localeCompare(b.scrapePool) ||
				a.scrapeUrl.localeCompare(b.scrapeUrl)
		);
}

/** `12 s ago`; empty before the first scrape. */
export function ago(time: string, now: number): string {
	const at = Date.parse(time);
	if (Number.isNaN(at) || at <= 0) return '';
	const seconds = Math.max(0, Math.round((now - at) / 1000));
	if (seconds < 120) return `${seconds} s ago`;
	if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
	if (seconds < 172800) return `${Math.round(seconds / 3600)} h ago`;
	return `${Math.round(seconds / 86400)} d ago`;
}
