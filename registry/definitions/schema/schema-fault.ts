/** What is wrong with the schema file of a stream. */
export interface SchemaFault {
  /** The stream's field that cannot be read; null: it is the file. */
  readonly field: string | null;
  readonly message: string;
}
