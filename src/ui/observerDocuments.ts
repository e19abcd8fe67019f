import { Uri, languages, window, workspace } from 'vscode';
import type { TextDocumentContentProvider } from 'vscode';
import type { Engine, EngineModule } from './engineSlot.ts';
import { DisposableStore } from './lifecycle.ts';

const scheme = 'caracal-observer';

interface Script {
  readonly title: string;
  readonly language: string;
  text(engine: EngineModule): string;
}

/** A Redis command has no room for comments, and is one line. */
const aboutUser = `A user of Redis 7 or later for Caracal Debugger that reads and never writes.

Send the command below with redis-cli as a user that may change ACLs, with a password of
your own in the place of <password>. It can be sent again. Without an ACL file Redis
forgets the user when it restarts; with one, send ACL SAVE as well.
Then put the connection string of this user into the target:
redis://caracal_observer:<password>@<host>:6379

The streams that it may read carry subject ids and metadata of requests.
`;

/** What an operator runs to give the checks an account that reads and can do nothing else. */
const scripts = {
  role: { title: 'Caracal observer role.sql', language: 'sql', text: ({ observerRoleSql }) => observerRoleSql() },
  user: { title: 'Caracal observer user.txt', language: 'plaintext', text: ({ observerAcl }) => `${aboutUser}\n${observerAcl()}\n` },
} as const satisfies Record<string, Script>;

/** Read-only documents for copying from. They are the same for every target and hold nothing of one. */
export class ObserverDocuments implements TextDocumentContentProvider {
  readonly #engine: Engine;
  readonly #store = new DisposableStore();

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#store.add(workspace.registerTextDocumentContentProvider(scheme, this));
  }

  async show(which: keyof typeof scripts): Promise<void> {
    const { title, language } = scripts[which];
    const opened = await workspace.openTextDocument(Uri.from({ scheme, path: `/${title}` }));
    await window.showTextDocument(await languages.setTextDocumentLanguage(opened, language), { preview: false });
  }

  async provideTextDocumentContent(uri: Uri): Promise<string> {
    const script = Object.values(scripts).find(({ title }) => uri.path === `/${title}`);
    return script ? script.text(await this.#engine.load()) : '';
  }

  dispose(): void {
    this.#store.dispose();
  }
}
