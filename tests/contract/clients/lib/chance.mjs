// The AI SDK draws its chat ids with Math.random, and one in a hundred looks as if a person had written it. What a
// scenario shows must not depend on that: with this its ids are the same in every run.
export function drawAlike() {
  let drawn = 20_261;
  Math.random = () => (drawn = (drawn * 16_807) % 2_147_483_647) / 2_147_483_647;
}
