import config from './playwright.config';

/** `npm run screenshots`: pictures of every page in both themes and in each state, to be looked at. */
export default { ...config, testMatch: '*.shots.ts' };
