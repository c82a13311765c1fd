import type { Dataset, Files } from '../datasets/definition.ts'
import { deliveryProblems } from './errors.ts'

/** @throws Problem DELIVERY_WITHOUT_FILES */
export function filesOf({ files, title }: Dataset): Files {
  if (files === null) throw deliveryProblems.DELIVERY_WITHOUT_FILES(`${title} declares no files.`)
  return files
}
