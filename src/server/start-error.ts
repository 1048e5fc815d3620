/** The server cannot start as it is set up. */
export class StartError extends Error {
  readonly reason = "bad_config";
}
