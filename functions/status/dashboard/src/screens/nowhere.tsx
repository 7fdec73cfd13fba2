import { useText } from "../i18n";
import { Title } from "./title";

export function Nowhere() {
  const { m } = useText();
  return (
    <>
      <Title text={m.notFound.title} />
      <p>{m.notFound.text}</p>
      <p>
        <a href="#/">{m.notFound.home}</a>
      </p>
    </>
  );
}
