/** The ids of every command, in one place: a test compares them with the manifest. */

/** Commands that the manifest contributes. All stand in the palette or in a menu. */
export const commandIds = {
  runAll: 'caracal.runAll',
  runAgain: 'caracal.runAgain',
  runCheck: 'caracal.runCheck',
  stop: 'caracal.stop',
  pickTarget: 'caracal.pickTarget',
  pickZone: 'caracal.pickZone',
  triageSymptom: 'caracal.triageSymptom',
  addTarget: 'caracal.addTarget',
  lookAgain: 'caracal.lookAgain',
  watch: 'caracal.watch',
  stopWatching: 'caracal.stopWatching',
  compareHelmValues: 'caracal.compareHelmValues',
  showReport: 'caracal.showReport',
  showLog: 'caracal.showLog',
  showObservations: 'caracal.showObservations',
  /** With the id of a cause, or of a row of the tree that is one or that one explains; without it the first cause counts. */
  showCause: 'caracal.showCause',
  /** As `showCause`, at what can be done about it. */
  showRemedy: 'caracal.showRemedy',
  runCanary: 'caracal.runCanary',
  askAnyway: 'caracal.askAnyway',
  explainCheck: 'caracal.explainCheck',
  showObserverRole: 'caracal.showObserverRole',
  showObserverUser: 'caracal.showObserverUser',
  traceRequest: 'caracal.traceRequest',
  traceRequestAgain: 'caracal.traceRequestAgain',
  copyRequest: 'caracal.copyRequest',
  showRequestDocument: 'caracal.showRequestDocument',
  traceThisRequest: 'caracal.traceThisRequest',
  copyRequestId: 'caracal.copyRequestId',
  refreshRequests: 'caracal.refreshRequests',
  openLog: 'caracal.openLog',
  openLogFile: 'caracal.openLogFile',
  filterLog: 'caracal.filterLog',
  goToLogTime: 'caracal.goToLogTime',
  nextLogError: 'caracal.nextLogError',
  previousLogError: 'caracal.previousLogError',
  showLogRequest: 'caracal.showLogRequest',
  followLog: 'caracal.followLog',
  toggleRawLog: 'caracal.toggleRawLog',
  readOlderLog: 'caracal.readOlderLog',
  showLogOutput: 'caracal.showLogOutput',
  saveLog: 'caracal.saveLog',
  copySummary: 'caracal.copySummary',
  copyJson: 'caracal.copyJson',
  copyCheckId: 'caracal.copyCheckId',
  collapseAll: 'caracal.collapseAll',
} as const;

/** Commands of our own links and tree rows, which nobody types. */
export const internalCommandIds = {
  /** A click on a step or a component. */
  open: 'caracal.internal.open',
  showInTree: 'caracal.internal.showInTree',
  /** The link in the hover of a request id. */
  traceLine: 'caracal.internal.traceLine',
  /** Lenses and links of a log. */
  logLevel: 'caracal.internal.logLevel',
  logSources: 'caracal.internal.logSources',
  logProbes: 'caracal.internal.logProbes',
  logOfRequest: 'caracal.internal.logOfRequest',
  logLike: 'caracal.internal.logLike',
  explainLogLine: 'caracal.internal.explainLogLine',
  traceLogLine: 'caracal.internal.traceLogLine',
} as const;

export type CommandId =
  | (typeof commandIds)[keyof typeof commandIds]
  | (typeof internalCommandIds)[keyof typeof internalCommandIds];

/** Commands about logs: all others but those of requests are about the flow. */
export const logCommandIds = [
  commandIds.openLog, commandIds.openLogFile, commandIds.filterLog, commandIds.goToLogTime, commandIds.nextLogError, commandIds.previousLogError,
  commandIds.showLogRequest, commandIds.followLog, commandIds.toggleRawLog, commandIds.readOlderLog, commandIds.showLogOutput, commandIds.saveLog,
  internalCommandIds.logLevel, internalCommandIds.logSources, internalCommandIds.logProbes, internalCommandIds.logOfRequest, internalCommandIds.logLike, internalCommandIds.explainLogLine, internalCommandIds.traceLogLine,
] as const;

/** Commands about requests. */
export const requestCommandIds = [
  commandIds.traceRequest, commandIds.traceThisRequest, commandIds.traceRequestAgain, commandIds.copyRequest, commandIds.showRequestDocument, commandIds.copyRequestId, commandIds.refreshRequests, internalCommandIds.traceLine,
] as const;

/** Commands about causes and what can be done about them. */
export const causeCommandIds = [commandIds.showCause, commandIds.showRemedy, commandIds.runCanary] as const;

export type LogCommandId = (typeof logCommandIds)[number];
export type FlowCommandId = Exclude<CommandId, LogCommandId | (typeof requestCommandIds)[number] | (typeof causeCommandIds)[number]>;

export const flowViewId = 'caracal.flow';
export const requestsViewId = 'caracal.requests';
