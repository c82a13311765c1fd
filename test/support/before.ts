import { mkdirSync, writeFileSync } from 'node:fs'
import { serverFile } from './postgres.ts'

mkdirSync(new URL('.', serverFile), { recursive: true })
writeFileSync(serverFile, JSON.stringify({ url: 'postgres://postgres@127.0.0.1:5418' }))
