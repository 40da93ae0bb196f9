interface IItem {
  name: string;
  type: string;
}

const MODELS =
  /\.(pkl|pickle|joblib|onnx|pt|pth|h5|hdf5|keras|safetensors|pb|tflite|mlmodel|cbm|ubj|bst|xgb|lgb|skops|dill|cloudpickle|model|bin)$/i;

/** Whether a file may be an entry script. */
export function isScript(item: IItem): boolean {
  return item.type !== 'directory' && item.name.toLowerCase().endsWith('.py');
}

/** Whether a file, or a folder, may be a model. */
export function isModel(item: IItem): boolean {
  return item.type === 'directory' || MODELS.test(item.name);
}

/** Return a name for the model in a file: letters, digits, dashes, underscores and dots. */
export function modelName(path: string): string {
  const stem = (path.split('/').pop() ?? '').replace(/\.[^.]+$/, '');
  return (
    stem
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '') || 'model'
  );
}
