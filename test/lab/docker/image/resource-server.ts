import { createServer } from 'node:http';
import { answerEverything } from '../../services/upstream.ts';

// The resource server that the Gateway forwards to, as a container of its own.

createServer(answerEverything).listen(9000, '0.0.0.0');
process.once('SIGTERM', () => process.exit(0));
