// What HTML and CSS of a message may be: lists of what is let in. Everything that is not named here goes.

/** Elements that show text, tables and pictures. Nothing that acts, embeds, takes input or belongs to another namespace. */
export const elements: readonly string[] = [
  ..."a abbr acronym address area article aside b bdi bdo big blockquote br caption center cite code col colgroup".split(
    " ",
  ),
  ..."data dd del details dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins".split(
    " ",
  ),
  ..."kbd li main map mark nav ol p pre q rp rt ruby s samp section small span strike strong sub summary sup".split(
    " ",
  ),
  ..."table tbody td tfoot th thead time tr tt u ul var wbr".split(" "),
];

/** Elements whose content goes with them; of all others that are not allowed the text stays. */
export const withContent: readonly string[] = [
  ..."annotation-xml applet audio canvas datalist embed fencedframe foreignobject frameset head iframe math noembed".split(
    " ",
  ),
  ..."noframes noscript object option plaintext portal script select style svg template textarea title video xmp".split(
    " ",
  ),
];

/** Attributes. "style", "src", "background", "href" and names are looked at one by one and rewritten; see sanitize.ts. */
export const attributes: readonly string[] = [
  ..."abbr align alt aria-hidden aria-label axis bgcolor border cellpadding cellspacing char charoff class clear color cols colspan".split(
    " ",
  ),
  ..."coords datetime dir face frame headers height href hspace id lang name noshade nowrap open reversed role rowspan rules".split(
    " ",
  ),
  ..."scope shape size span src start style summary text title type usemap valign value vspace width background".split(
    " ",
  ),
];

/** CSS properties by their longhands, since that is how the browser lists a parsed declaration. */
export const properties: ReadonlySet<string> = new Set([
  "color",
  "background-color",
  "background-image",
  "background-repeat",
  "background-repeat-x",
  "background-repeat-y",
  "background-position",
  "background-position-x",
  "background-position-y",
  "background-size",
  "background-origin",
  "background-clip",
  ..."font-family font-size font-style font-weight font-variant font-variant-caps font-stretch line-height letter-spacing".split(
    " ",
  ),
  ..."word-spacing text-align text-align-last text-decoration text-decoration-line text-decoration-color text-decoration-style".split(
    " ",
  ),
  ..."text-decoration-thickness text-indent text-transform text-overflow text-underline-offset vertical-align white-space".split(
    " ",
  ),
  ..."white-space-collapse text-wrap text-wrap-mode word-break word-wrap overflow-wrap hyphens direction unicode-bidi tab-size".split(
    " ",
  ),
  ..."display float clear visibility opacity overflow overflow-x overflow-y box-sizing".split(" "),
  ..."width height min-width min-height max-width max-height object-fit object-position aspect-ratio".split(" "),
  ...sides("margin"),
  ...sides("padding"),
  ...sides("border", "-width"),
  ...sides("border", "-style"),
  ...sides("border", "-color"),
  ..."border-top-left-radius border-top-right-radius border-bottom-left-radius border-bottom-right-radius".split(" "),
  ..."border-collapse border-spacing caption-side empty-cells table-layout box-shadow text-shadow".split(" "),
  ..."list-style-type list-style-position quotes".split(" "),
  ..."align-items align-content align-self justify-content justify-items justify-self place-content gap row-gap column-gap".split(
    " ",
  ),
  ..."flex-direction flex-wrap flex-grow flex-shrink flex-basis order column-count column-width".split(" "),
  ..."grid-template-columns grid-template-rows grid-column-start grid-column-end grid-row-start grid-row-end".split(
    " ",
  ),
]);

function sides(before: string, after = ""): string[] {
  return ["top", "right", "bottom", "left", "inline-start", "inline-end", "block-start", "block-end"].map(
    (side) => `${before}-${side}${after}`,
  );
}

/** Functions that may stand in a value. None of them fetches: url(), image-set(), src(), attr(), var() and what is yet to be invented do not stand here. */
export const functions: ReadonlySet<string> = new Set(
  "rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix calc min max clamp linear-gradient radial-gradient conic-gradient repeating-linear-gradient repeating-radial-gradient repeat minmax fit-content".split(
    " ",
  ),
);

/** Raster pictures that may stand in the message itself. SVG is a document and no picture here. */
export const embeddedPicture = /^data:image\/(?:png|jpe?g|gif|webp|avif|bmp);base64,[a-z0-9+/=\s]*$/i;
