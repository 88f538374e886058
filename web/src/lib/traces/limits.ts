/** Traces asked for with each page of results. */
export const RESULTS_PAGE = 500;
/** Traces that the results hold at most; beyond, the search must be narrowed. */
export const RESULTS_MOST = 5_000;
/** Log records of a trace that are asked for. */
export const TRACE_LOGS = 1_000;
/** Rows of log records under one span; its panel and the Logs tab show the rest. */
export const LOG_ROWS_PER_SPAN = 50;
/** Milliseconds before and after a trace in which its log records are searched. */
export const LOGS_MARGIN = 3_600_000;
/** Characters of a search in a trace. */
export const FIND_LENGTH = 200;
