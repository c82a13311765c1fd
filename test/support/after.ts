import { serverFile } from './postgres.ts'
import { endServer } from './server-end.ts'

await endServer(serverFile(process.ppid))
