/**
 * What an encoder has ready for each service or view: names of columns as text, what stands in for an absent row. An
 * encoder is what turns rows into bytes: one for each surface, one for the vector log.
 *
 *   plan.encoderPlans   [ native's | .. | the log's ]      one place for each encoder, by the encoder's number
 *
 * Each part is made when it is first needed and then kept with the plan, which never looks into it. So a new surface
 * adds its own part without a change to the plan's types, and a list of single features has only the part of the one
 * surface that takes such lists.
 */
interface HasEncoderPlans {
  readonly encoderPlans: unknown[];
}

let encoders = 0;

/**
 * @param make  makes the encoder's part of a plan; called once for each plan
 * @returns     what gives the encoder's part of a plan
 */
export function encoderPlan<Plan extends HasEncoderPlans, Part>(
  make: (plan: Plan) => Part,
): (plan: Plan) => Part {
  const number = encoders;
  encoders += 1;
  return (plan) => (plan.encoderPlans[number] ??= make(plan)) as Part;
}
