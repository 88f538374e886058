import { facts } from './fixtures';

/** Every page, with the text that shows that it stands. */
export const PAGES: { name: string; path: string; ready: string }[] = [
	{ name: 'home', path: '/', ready: 'worker-coder' },
	{ name: 'logs', path: '/logs', ready: 'heartbeat' },
	{ name: 'logs-panel', path: '/logs?q=%22language%20model%22', ready: 'task failed' },
	{ name: 'traces', path: '/traces', ready: 'POST /requests' },
	{ name: 'trace', path: `/traces/${facts.traceId}`, ready: 'chat completion' },
	{ name: 'explore', path: '/explore?q=queue_depth', ready: 'queue_depth' },
	{ name: 'services', path: '/services', ready: 'worker-coder' },
	{ name: 'service', path: '/services/worker-coder', ready: 'run task' },
	{ name: 'id', path: `/id/${facts.correlationId}`, ready: 'supervisor' },
	{ name: 'id-unknown', path: '/id/req-nobody-knows', ready: 'req-nobody-knows' },
	{ name: 'send', path: '/send', ready: 'OTEL_EXPORTER_OTLP_ENDPOINT' },
	{ name: 'settings', path: '/settings', ready: 'Targets' }
];
