import Activity from '@lucide/svelte/icons/activity';
import Boxes from '@lucide/svelte/icons/boxes';
import ChartLine from '@lucide/svelte/icons/chart-line';
import House from '@lucide/svelte/icons/house';
import ScrollText from '@lucide/svelte/icons/scroll-text';
import Send from '@lucide/svelte/icons/send';
import Settings from '@lucide/svelte/icons/settings';

/** The pages that the rail leads to, in order; `keys` opens one from the keyboard. */
export const PAGES = [
	{ path: '/', label: 'Home', icon: House, keys: 'g h' },
	{ path: '/logs', label: 'Logs', icon: ScrollText, keys: 'g l' },
	{ path: '/traces', label: 'Traces', icon: Activity, keys: 'g t' },
	{ path: '/explore', label: 'Metrics', icon: ChartLine, keys: 'g m' },
	{ path: '/services', label: 'Services', icon: Boxes, keys: 'g s' },
	{ path: '/send', label: 'Send data', icon: Send, keys: 'g d' },
	{ path: '/settings', label: 'Settings', icon: Settings, keys: 'g ,' }
] as const;

/** How many of them stand at the top of the rail; the others stand at its foot. */
export const PAGES_AT_TOP = 5;
