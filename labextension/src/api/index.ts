export * from './client';
export * from './errors';
export * from './permissions';
export * from './store';
export * from './stream';
export * from './types';
export * from './versions';
