/** The ids of every command, in one place: a test compares them with the manifest. */

/** Commands that the manifest contributes. All stand in the palette or in a menu. */
export const commandIds = {
  runAll: 'caracal.runAll',
  runAgain: 'caracal.runAgain',
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
  askAnyway: 'caracal.askAnyway',
  explainCheck: 'caracal.explainCheck',
  showObserverRole: 'caracal.showObserverRole',
  showObserverUser: 'caracal.showObserverUser',
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
} as const;

export type CommandId =
  | (typeof commandIds)[keyof typeof commandIds]
  | (typeof internalCommandIds)[keyof typeof internalCommandIds];

export const flowViewId = 'caracal.flow';
