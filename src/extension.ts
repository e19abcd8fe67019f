/** Builds the parts and registers them. Nothing here opens a socket, a timer or a file. */
import { Uri, version, window, workspace } from 'vscode';
import type { ExtensionContext } from 'vscode';
import { CauseCommands } from './ui/cause/causeCommands.ts';
import { CheckPages } from './ui/checkPages.ts';
import { flowViewId, requestsViewId } from './ui/commandIds.ts';
import { ContextKeys } from './ui/contextKeys.ts';
import { isTooOld } from './ui/editorVersion.ts';
import { EngineSlot } from './ui/engineSlot.ts';
import { FlowCommands } from './ui/flowCommands.ts';
import { FlowSession } from './ui/flowSession.ts';
import { FlowView } from './ui/flowView.ts';
import { Guard } from './ui/guard.ts';
import { HelmValues } from './ui/helmValues.ts';
import { KnownTargets } from './ui/knownTargets.ts';
import { DisposableStore } from './ui/lifecycle.ts';
import { Log } from './ui/log.ts';
import { LogCommands, subjectOf } from './ui/logs/logCommands.ts';
import { LogDocuments } from './ui/logs/logDocuments.ts';
import { LogFiles } from './ui/logs/logFiles.ts';
import { LogLanguage } from './ui/logs/logLanguage.ts';
import { LogLook } from './ui/logs/logLook.ts';
import { LogOutput } from './ui/logs/logOutput.ts';
import { LogStatus } from './ui/logs/logStatus.ts';
import { OpenLogs } from './ui/logs/openLogs.ts';
import { Marks } from './ui/marks.ts';
import { ObservationDocuments } from './ui/observationDocument.ts';
import { ObserverDocuments } from './ui/observerDocuments.ts';
import { StatusBar } from './ui/statusBar.ts';
import { Toasts } from './ui/toasts.ts';
import { RequestLinks } from './ui/trace/requestLinks.ts';
import { Requests } from './ui/trace/requests.ts';
import type { TraceModule } from './ui/trace/requests.ts';
import { RequestsView } from './ui/trace/requestsView.ts';
import { RequestUris } from './ui/trace/requestUri.ts';
import { TracedRequests } from './ui/trace/tracedRequests.ts';
import { Watch } from './ui/watch.ts';

export function activate(context: ExtensionContext): void {
  const store = new DisposableStore();
  context.subscriptions.push(store);
  const contextKeys = new ContextKeys();
  if (isTooOld(version)) {
    contextKeys.set('caracal.empty', 'too-old');
    // A view without a provider shows an error of VS Code instead of our text.
    for (const id of [flowViewId, requestsViewId]) store.add(window.createTreeView(id, { treeDataProvider: { getChildren: () => [], getTreeItem: (item: never) => item } }));
    return;
  }
  const engine = new EngineSlot(() => import('./flow/engine.ts'));
  const log = store.add(new Log((text) => engine.redactor.text(text)));
  const session = store.add(new FlowSession(engine, log));
  const known = new KnownTargets({
    engine,
    memory: context.workspaceState,
    files: () => workspace.getConfiguration('caracal').get<string[]>('targets', []),
    environment: process.env,
    log: (line) => log.info(line),
  });
  const documents = store.add(new ObservationDocuments(session, engine));
  const observer = store.add(new ObserverDocuments(engine));
  const helm = store.add(new HelmValues(engine));
  const pages = new CheckPages(context.extensionUri);
  const view: FlowView = store.add(new FlowView(session, () => void flowCommands.restoreOnce()));
  store.add(new Marks());
  const watch = store.add(new Watch({ engine, session, log, isVisible: () => view.visible }));
  store.add(view.onDidChangeVisibility(() => watch.changed()));
  const guard = new Guard(engine, log);
  const loadTrace = (): Promise<TraceModule> => import('./trace/service.ts');
  const traced = store.add(new TracedRequests(context.workspaceState));
  const flowCommands = store.add(new FlowCommands({
    engine, session, view, known, documents, observer, pages, log, contextKeys, watch, helm, guard,
    loadTriage: async (useZone) => {
      const { Triage } = await import('./ui/triage/triage.ts');
      return new Triage({ engine, session, view, pages, loadTrace, requests: () => requests, lastTraced: (target) => traced.lately(target)?.id, recordAtCaret: () => logDocuments.recordAtCaret(), useZone });
    },
  }));
  const logs = store.add(new OpenLogs({
    program: Uri.joinPath(context.extensionUri, 'dist', 'logs.cjs').fsPath,
    folder: Uri.joinPath(context.storageUri ?? context.globalStorageUri, 'logs').fsPath,
    failed: (line) => log.error(line),
  }));
  const logDocuments = store.add(new LogDocuments({ logs, files: store.add(new LogFiles()), memory: context.workspaceState, failed: (error) => guard.failed(error) }));
  const logOutput = store.add(new LogOutput(logs, (error) => guard.failed(error)));
  store.add(new LogCommands({ session, view, documents: logDocuments, output: logOutput, engine, guard }));
  store.add(new LogLanguage(logDocuments, session));
  store.add(new LogLook(logDocuments));
  store.add(new LogStatus(logDocuments));
  const restore = (): Promise<void> => flowCommands.restoreOnce();
  const requests: Requests = store.add(new Requests({
    session, engine, guard, traced, restore, loadTrace, logs, extensionUri: context.extensionUri, memory: context.workspaceState,
    loadPanel: () => import('./ui/trace/requestPanel.ts'),
    loadVerifiers: () => import('./ui/trace/verifierSettings.ts'),
    openLog: async (target, row) => {
      await logDocuments.open(subjectOf(target, []), row === undefined ? undefined : () => Promise.resolve({ at: 'row', row }));
    },
    recordAtCaret: () => logDocuments.recordAtCaret(),
    failed: (error) => log.error(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  }));
  store.add(new RequestsView({ session, engine, guard, contextKeys, traced, load: loadTrace, firstShown: () => void restore() }));
  store.add(new RequestLinks(guard, loadTrace));
  store.add(new RequestUris({ session, guard, restore }));
  store.add(new CauseCommands({
    session, engine, guard, log, documents, extensionUri: context.extensionUri, toasts: new Toasts(context.globalState, (text, ...actions) => window.showInformationMessage(text, ...actions)),
    loadSurfaces: () => import('./ui/cause/surfaces.ts'),
  }));
  store.add(new StatusBar(session));
  store.add(
    session.onDidChange(() => {
      contextKeys.set('caracal.running', session.state.running.size > 0);
      contextKeys.set('caracal.triaging', session.state.triage !== undefined);
      contextKeys.set('caracal.hasTarget', session.target !== undefined);
      contextKeys.set('caracal.targetKind', session.target?.target.kind ?? '');
      contextKeys.set('caracal.hasCauses', (session.state.diagnosis?.causes.length ?? 0) > 0);
      contextKeys.set('caracal.hasCanary', session.target !== undefined && 'canary' in session.target.target);
      contextKeys.set('caracal.hasReport', session.report !== undefined);
      contextKeys.set('caracal.watching', session.state.watch !== undefined);
      logOutput.keepOnly(session.target?.id);
      watch.changed();
    }),
  );
}
