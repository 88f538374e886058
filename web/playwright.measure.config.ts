import config from './playwright.config';

/** `npm run measure`: what the page costs in a browser; figures for people, no assertions. */
export default { ...config, testMatch: '*.measure.ts', timeout: 300_000 };
