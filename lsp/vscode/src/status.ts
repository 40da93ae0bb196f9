/**
 * The status item beside the language: which server runs, or what is missing.
 */
import * as vscode from 'vscode';
import { SELECTOR } from './selector';

/** The status item. */
export class Status implements vscode.Disposable {
  private readonly item: vscode.LanguageStatusItem;

  constructor() {
    this.item = vscode.languages.createLanguageStatusItem('mldeploy', SELECTOR as vscode.DocumentSelector);
    this.item.name = 'ML Deploy';
  }

  /** A server is looked for or started. */
  starting(): void {
    this.item.busy = true;
    this.item.severity = vscode.LanguageStatusSeverity.Information;
    this.item.text = 'ML Deploy: starting';
    this.item.detail = '';
    this.item.command = { title: 'Show output', command: 'mldeploy.showOutput' };
  }

  /** It runs. */
  running(version: string, where: string): void {
    this.item.busy = false;
    this.item.severity = vscode.LanguageStatusSeverity.Information;
    this.item.text = `ML Deploy ${version}`;
    this.item.detail = where;
    this.item.command = { title: 'Restart', command: 'mldeploy.restart' };
  }

  /** It does not. */
  failed(reason: string, command: vscode.Command): void {
    this.item.busy = false;
    this.item.severity = vscode.LanguageStatusSeverity.Error;
    this.item.text = 'ML Deploy: no server';
    this.item.detail = reason;
    this.item.command = command;
  }

  /** Somebody has switched it off. */
  stopped(): void {
    this.item.busy = false;
    this.item.severity = vscode.LanguageStatusSeverity.Warning;
    this.item.text = 'ML Deploy: off';
    this.item.detail = 'mldeploy.enabled is false';
    this.item.command = { title: 'Restart', command: 'mldeploy.restart' };
  }

  dispose(): void {
    this.item.dispose();
  }
}
